/** R4: more was withdrawn than could be noted while a snapshot loaded. Then it is loaded again. */
import { expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan } from '../testing/virtual-lan.js';
import { FRAME_RECORD_UNICAST, FRAME_REPORT, FRAME_WELCOME } from '../wire/frames.js';

it.each([0, 400])(
  'nobody is held by a node that has withdrawn them, after a WELCOME that took %i ms',
  (ms) => {
    const lan = new VirtualLan(nodeCipherSuite);
    const wire = new OpenWire(lan, nodeCipherSuite);
    const holder = lan.add('holder');
    const users = Array.from({ length: 20 }, (_, index) => userNamed(`user-${index}`));
    for (const user of users) holder.node.join(lan.now, user, 0);
    lan.run(3_000);
    const looker = lan.add('looker', { limits: { removalsMax: 2 } });
    let lost = [FRAME_WELCOME];
    lan.loses = (transmit, to) => to === looker && lost.some((type) => wire.carries(transmit, type));
    if (ms === 0) lost = [FRAME_RECORD_UNICAST, FRAME_REPORT];
    lan.run(200);
    for (const user of users) holder.node.leave(lan.now, user, 0);
    lan.run(ms);
    // the withdrawals come first, then the snapshot, then a report
    lost = [FRAME_RECORD_UNICAST, FRAME_REPORT];
    lan.run(600);
    lost = [FRAME_REPORT];
    lan.run(600);
    lost = [];
    lan.run(20_000);
    expect(looker.node.peers().map(({ complete }) => complete)).toEqual([true]);
    const held = users.filter((user) => looker.node.holders(lan.now, user).peers.length > 0);
    expect(held.map(({ name }) => name)).toEqual([]);
  },
);
