/** What usually keeps a host from hearing its own broadcasts, in words for people. */
export const DEAF_HELP =
  'UDP_ADDRESS may be no broadcast address of this host, a firewall may drop UDP_PORT, or the network has no broadcast ' +
  '(clouds, most overlays, macOS on loopback): try UDP_MODE=multicast or mesh';
