import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { Histogram } from '../generator/histogram.js';
import { Pairs } from '../generator/pairs.js';
import { RoomOfMembers } from '../generator/rooms.js';
import { Stencil, findMark, readPair, readSequence, readTime } from '../generator/wire.js';
import { Process, portOpens } from '../lib/processes.js';
import { loopback } from '../lib/topology.js';

async function runAgainstSink(env, load) {
  const topology = loopback();
  const place = topology.generator;
  const port = await topology.freshPort();
  const sink = new Process({
    name: 'sink',
    place,
    command: [process.execPath, fileURLToPath(new URL('../peers/servers/sink.js', import.meta.url))],
    env: { HOST: place.address, PORT: String(port), ...env },
  });
  const pairs = new Pairs();
  try {
    await portOpens({ process: sink, place, address: place.address, port });
    const nodes = [{ host: place.address, port }];
    await pairs.open({ pairs: 4, nodes, dialect: 'plain', options: {}, bytes: 64 });
    await load(pairs, sink.pid);
    return pairs.account();
  } finally {
    pairs.close();
    await sink.stop();
  }
}

const closedLoop = (pairs, pid) => pairs.closedLoop({ inFlight: 8, warmMs: 0, ms: 400, pids: [pid] });

test('an honest server is found to have lost, doubled and swapped nothing', async () => {
  const { sent, lost, duplicates, outOfOrder, corrupt } = await runAgainstSink({}, closedLoop);
  assert.ok(sent > 1000);
  assert.deepEqual(
    { lost, duplicates, outOfOrder, corrupt },
    { lost: 0, duplicates: 0, outOfOrder: 0, corrupt: 0 },
  );
});

test('an open loop keeps its rate and counts what is late as late, not as lost', async () => {
  let result;
  const { lost } = await runAgainstSink({}, async (pairs, pid) => {
    result = await pairs.openLoop({ rate: 20_000, ms: 500, pids: [pid] });
  });
  assert.equal(lost, 0);
  assert.ok(Math.abs(result.offered / result.seconds - 20_000) < 2000, `${result.offered}`);
});

test('every lost, doubled and swapped message is counted', async () => {
  const { sent, lost, duplicates, outOfOrder } = await runAgainstSink({ FAULTS: '1' }, closedLoop);
  // One in a thousand of each; each of the four pairs may be anywhere between two faults.
  for (const found of [lost, duplicates, outOfOrder]) {
    assert.ok(found > 0 && Math.abs(found - sent / 1000) <= 4, `${found} of ${sent}`);
  }
});

/** A server that sends what it gets to everybody, but for the deliveries with these numbers. */
async function runInRoom({ dropped = new Set(), doubled = new Set() }) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.on('listening', resolve));
  let deliveries = 0;
  server.on('connection', (socket) =>
    socket.on('message', (frame) => {
      const { data } = JSON.parse(frame);
      const isProbe = data.slice(5, 13) === 'A'.repeat(8);
      for (const client of server.clients) {
        if (!isProbe && dropped.has(++deliveries)) continue;
        client.send(data);
        if (!isProbe && doubled.has(deliveries)) client.send(data);
      }
    }),
  );
  const room = new RoomOfMembers();
  try {
    const nodes = [1, 2].map(() => ({ host: '127.0.0.1', port: server.address().port }));
    await room.open({ members: 20, nodes, dialect: 'plain', options: {}, bytes: 64 });
    const result = await room.closedLoop({ inFlight: 4, warmMs: 0, ms: 400, pids: [process.pid] });
    return { ...result, ...room.account() };
  } finally {
    room.close();
    server.close();
  }
}

test('a room counts what every member has got, and when the last one has it', async () => {
  const { sent, lost, duplicates, received, publishes, rate, firstP50, p50 } = await runInRoom({});
  assert.deepEqual({ lost, duplicates }, { lost: 0, duplicates: 0 });
  assert.ok(sent > 50 && received > 1000);
  assert.ok(Math.abs(rate / publishes - 20) < 2, `${rate} deliveries of ${publishes} messages`);
  assert.ok(firstP50 <= p50);
});

test('a room counts every delivery that is lost or doubled', async () => {
  const { lost, duplicates } = await runInRoom({ dropped: new Set([30, 200]), doubled: new Set([100]) });
  assert.deepEqual({ lost, duplicates }, { lost: 2, duplicates: 1 });
});

test('a stamped message reads back as what was written', () => {
  const stencil = new Stencil({ before: '{"data":"', after: '"}', pair: 0xbeef, bytes: 200, merge: false });
  const bytes = stencil.stamp(3, 0xfffffffd, 0x89abcdef).map((byte) => byte ^ stencil.mask);
  let at = 0;
  for (let index = 0; index < 3; index++) {
    at = findMark(bytes, at, bytes.length);
    assert.equal(readPair(bytes, at), 0xbeef);
    assert.equal(readSequence(bytes, at), 0xfffffffd + index);
    assert.equal(readTime(bytes, at), 0x89abcdef);
    at++;
  }
});

test('percentiles are at most two percent above the truth', () => {
  const histogram = new Histogram();
  for (let value = 1; value <= 100_000; value++) histogram.record(value);
  for (const share of [0.5, 0.99, 0.999]) {
    const truth = share * 100;
    const found = histogram.percentile(share);
    assert.ok(found >= truth && found <= truth * 1.02, `${found} for ${truth}`);
  }
});
