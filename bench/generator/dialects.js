import { createHmac } from 'node:crypto';

/**
 * How clients speak to a peer. `before` and `after` are what stands around a message that is sent. `control` calls
 * `client.online()` when the server knows the client: from then on a message to the user must arrive.
 *
 * @typedef {object} Dialect
 * @property {(user: string, options: object) => { path: string, headers?: string[] }} request
 * @property {(to: string, bytes: number) => string} before
 * @property {string} after
 * @property {boolean} [hasRooms] every member of a room is a user of its own
 * @property {boolean} [stream] frames carry a byte stream with messages of its own in it
 * @property {(user: string) => string} [greet] sent when the upgrade is answered
 * @property {(text: string, client: import('./client.js').Client) => void} [control] anything that is no measured message
 */

/** @type {Record<string, Dialect>} */
export const dialects = {
  plain: {
    request: (user) => ({ path: `/chat?user_id=${user}` }),
    before: (to) => `{"user_id":"${to}","data":"`,
    after: '"}',
  },

  nest: {
    request: (user) => ({ path: `/chat?user_id=${user}` }),
    before: (to) => `{"event":"send","data":{"user_id":"${to}","data":"`,
    after: '"}}',
  },

  lanfare: {
    request: (user, { secret, subprotocol = true }) => {
      const offers = [];
      if (subprotocol) offers.push('lanfare.v1.json');
      if (secret && subprotocol) offers.push(`lanfare.bearer.${token(user, secret)}`);
      const query = secret ? (subprotocol ? '' : `?token=${token(user, secret)}`) : `?user_id=${user}`;
      return {
        path: `/chat${query}`,
        headers: offers.length > 0 ? [`Sec-WebSocket-Protocol: ${offers.join(', ')}`] : [],
      };
    },
    // A user that is a number is sent as one: {"user_id":2,...}.
    before: (to) => `{"user_id":${/^\d+$/.test(to) ? to : `"${to}"`},"data":"`,
    after: '"}',
    control: (text, client) => {
      if (text.startsWith('{"event":"ready"')) client.online();
      else client.refused(text);
    },
  },

  /** Every client is a member of the room `hall`. */
  'lanfare-room': {
    hasRooms: true,
    request: (user, options) => dialects.lanfare.request(user, options),
    before: (to) => `{"event":"publish","data":{"room":"${to}","data":"`,
    after: '"}}',
    control: (text, client) => {
      if (text.startsWith('{"event":"ready"')) {
        client.sendText('{"event":"join","id":1,"data":{"room":"hall"}}');
      } else if (text.startsWith('{"event":"ack"')) client.online();
      else client.refused(text);
    },
  },

  socketio: {
    request: (user) => ({ path: `/socket.io/?EIO=4&transport=websocket&user_id=${user}` }),
    before: (to) => `42["send","${to}","`,
    after: '"]',
    control: (text, client) => {
      if (text[0] === '0') client.sendText('40');
      else if (text === '2') client.sendText('3');
      else if (text.startsWith('40')) client.online();
      else client.refused(text);
    },
  },

  nats: {
    request: () => ({ path: '/' }),
    stream: true,
    greet: (user) =>
      `CONNECT {"verbose":false,"pedantic":false,"echo":true,"headers":false,"lang":"bench","version":"1","protocol":1}\r\n` +
      `SUB user.${user} 1\r\nPING\r\n`,
    before: (to, bytes) => `PUB user.${to} ${bytes}\r\n`,
    after: '\r\n',
    control: (text, client) => {
      if (text.startsWith('PONG')) client.online();
      else if (text.startsWith('PING')) client.sendText('PONG\r\n', 2);
      else if (text.startsWith('-ERR')) client.refused(text);
    },
  },
};

/** Whether a client is online as soon as it has the 101. */
export function onlineAtUpgrade(name, { subprotocol = true }) {
  return name === 'plain' || name === 'nest' || (name === 'lanfare' && !subprotocol);
}

function token(user, secret) {
  const now = Math.floor(Date.now() / 1000);
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, iat: now, exp: now + 3600 })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
