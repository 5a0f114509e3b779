// The load generator: a process of its own that does what the runner tells it over IPC, one thing after another.
import { Crowd } from './crowd.js';
import { Pairs } from './pairs.js';
import { RoomOfMembers } from './rooms.js';

const pairs = new Pairs();
const crowd = new Crowd();
const room = new RoomOfMembers();

const actions = {
  openPairs: (request) => pairs.open(request),
  closedLoop: (request) => pairs.closedLoop(request),
  openLoop: (request) => pairs.openLoop(request),
  pairsAccount: () => pairs.account(),
  openRoom: (request) => room.open(request),
  publishLoop: (request) => room.closedLoop(request),
  roomAccount: () => room.account(),
  joinCrowd: (request) => crowd.join(request),
  crowdAccount: () => crowd.account(),
  close: () => {
    pairs.close();
    crowd.close();
    room.close();
  },
};

async function answer({ action, request }) {
  try {
    process.send({ result: (await actions[action](request)) ?? {} });
  } catch (error) {
    process.send({ error: error.message });
  }
}

process.on('message', (message) => void answer(message));
process.on('disconnect', () => process.exit(0));
