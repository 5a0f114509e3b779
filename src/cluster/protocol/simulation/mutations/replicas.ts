/** Mutations of what nodes know of each other's users and rooms. */
import type { Mutation } from './mutation.js';

export const REPLICAS: readonly Mutation[] = [
  {
    name: 'a late session believed like a quick one',
    breaks:
      'R4: who connected before it, and did not wait for us, is missing from a replica that calls itself complete',
    schedule: 'lateWelcome',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'now - this.#askedAt < this.timing.barrierMs ? 0 : Infinity',
        replace: '0',
      },
    ],
  },
  {
    name: 'no loading after admission',
    breaks: 'R4: an empty replica counts as complete',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: "admit: 'loading' }",
        replace: "admit: 'complete' }",
      },
    ],
  },
  {
    name: 'announcements ignored while loading',
    breaks: 'R4: a user who is announced while the snapshot comes is missing',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: '    if (this.isLoading) this.#removals.delete(key);\n',
        replace: '    if (this.isLoading) return;\n',
      },
    ],
  },
  {
    name: 'removals not noted while loading',
    breaks: 'R4: the snapshot brings back who has left',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'if (this.#removals.size < this.removalsMax) this.#removals.add(key);',
        replace: 'if (this.#removals.size < this.removalsMax) return;',
      },
    ],
  },
  {
    name: 'forgotten removals not loaded again',
    breaks: 'R4: the replica goes on holding who has gone, and who holds a user is called certain',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'return this.#hasForgottenRemovals && this.isComplete;',
        replace: 'return false;',
      },
    ],
  },
  {
    name: 'no count of connections',
    breaks: 'R1: the first connection to leave withdraws the address',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: 'return address.connections === 0;',
        replace: 'address.connections = 0;\n    return true;',
      },
    ],
  },
  {
    name: 'snapshot one record short',
    breaks: 'R5: who was announced in the last record before the base is left out',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: 'if (address.announcedIn > base) return;',
        replace: 'if (address.announcedIn >= base) return;',
      },
    ],
  },
  {
    name: 'rooms are hashed like users',
    breaks: 'a user and a room of one name are taken for each other',
    edits: [
      {
        file: 'wire/sealing.ts',
        search: "this.#hashKey(prk, 'hash room')",
        replace: "this.#hashKey(prk, 'hash')",
      },
    ],
  },
  {
    name: 'a join does not end the lingering',
    breaks: 'R1: a room that is joined while it lingers is withdrawn with its new member',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: '    address.connections += 1;\n    this.#lingering.delete(key);\n',
        replace: '    address.connections += 1;\n',
      },
    ],
  },
  {
    name: 'rooms linger for ever',
    breaks: 'R1: what nobody holds any more is never withdrawn',
    edits: [
      {
        file: 'routing/interest.ts',
        search: '    timers.linger.set(localAddresses.lingersUntil);\n',
        replace: '    timers.linger.set(Infinity * localAddresses.lingersUntil);\n',
      },
    ],
  },
  {
    name: 'what lingers too much is forgotten, not withdrawn',
    breaks: 'R1: the others go on sending for what nobody holds',
    edits: [
      {
        file: 'routing/interest.ts',
        search: 'if (localAddresses.lingering > limits.lingeringMax) this.#withdrawOldest(now);',
        replace: 'if (localAddresses.lingering > limits.lingeringMax) localAddresses.withdrawOldest();',
      },
    ],
  },
  {
    name: 'loading peers get nothing for rooms',
    breaks: 'R9: of a peer whose replica is loading it is not known which rooms it holds',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: '      if (!knows(peer, kind)) continue;\n      holders',
        replace: "      if (kind === 'room') continue;\n      holders",
      },
    ],
  },
  {
    name: 'loading peers not routed to',
    breaks: 'R9: only complete replicas are asked',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: '      holders[count] = peer;\n      count += 1;\n    }\n    return count;',
        replace: '    }\n    return count;',
      },
    ],
  },
  {
    name: 'watches are not looked at again',
    breaks: 'who was on a node that died, or left while a snapshot was loaded, is shown for ever',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: '    this.watches.noteRetired(now);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'watches are looked at again without those of the first portion',
    breaks: 'a recheck ends before it has seen all watches',
    edits: [
      {
        file: 'directory/watches.ts',
        search: 'this.#unchecked = this.#byName.size;',
        replace: 'this.#unchecked = this.#byName.size - 1;',
      },
    ],
  },
  {
    name: 'withdrawals are not told to watches',
    breaks: 'who leaves is shown for ever',
    edits: [
      {
        file: 'directory/replica.ts',
        search:
          '    this.directory.remove(lowOf(key), highOf(key), this.#slot);\n    this.watches.noteChange(key);\n',
        replace: '    this.directory.remove(lowOf(key), highOf(key), this.#slot);\n',
      },
    ],
  },
  {
    name: 'only the own hash is watched',
    breaks: 'rotation: users of peers that seal with another secret are never shown',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: 'const keys = this.#hashers.map(',
        replace: 'const keys = this.#hashers.slice(0, 1).map(',
      },
    ],
  },
  {
    name: 'only the own hash is looked up',
    breaks: 'rotation: users of peers that seal with another secret are not found',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: 'for (let secret = 0; secret < hashers.length; secret += 1) {',
        replace: 'for (let secret = 0; secret < 1; secret += 1) {',
      },
    ],
  },
  {
    name: 'loading peers get nothing that is for everybody',
    breaks: 'R9: every proven peer holds everybody, whatever is known of its addresses',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: 'peer.isProven && peer.knowsEverybody',
        replace: 'peer.incoming.isComplete && peer.knowsEverybody',
      },
    ],
  },
];
