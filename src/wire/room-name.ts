/** A letter or digit, then printable ASCII without spaces. `* # $ @ &` are kept for patterns and later protocols. */
const ROOM_NAME = /^[A-Za-z0-9][!"%'-)+-?A-~]{0,254}$/;

/** Whether a room can have this name: 1 to 255 bytes. */
export function isRoomName(name: string): boolean {
  return ROOM_NAME.test(name);
}
