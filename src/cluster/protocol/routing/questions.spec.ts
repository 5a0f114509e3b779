import { beforeEach, describe, expect, it } from '@jest/globals';
import { NodeTimers } from '../node-timers.js';
import { Questions } from './questions.js';

const BYTES_MAX = 1_000;

describe('questions to all', () => {
  let said: { token: number; answers: string[]; missing: readonly string[]; complete: boolean }[];
  let questions: Questions;

  beforeEach(() => {
    said = [];
    questions = new Questions(
      10,
      BYTES_MAX,
      new NodeTimers().owed.questions,
      (token, answers, missing, complete) =>
        said.push({ token, answers: answers.map(({ peer }) => peer), missing, complete }),
    );
  });

  /** Returns its number. */
  const ask = (token: number, ...asked: string[]): number => {
    const number = questions.next;
    questions.open(token, 900, asked, [], true);
    return number;
  };
  const answer = (number: number, peer: string, bytes: number) =>
    questions.answer(number, peer, Buffer.alloc(bytes));

  it('name who answered when the answers of all were too much together', () => {
    const [first, second] = [ask(1, 'a', 'b'), ask(2, 'a', 'b')];
    answer(first, 'a', 600);
    answer(second, 'a', 400);
    answer(second, 'b', 1);
    expect(said).toEqual([{ token: 2, answers: ['a'], missing: ['b'], complete: false }]);
    answer(first, 'b', 400);
    expect(said[1]).toEqual({ token: 1, answers: ['a', 'b'], missing: [], complete: true });
  });

  it('hold nothing when they have ended, however they did', () => {
    const [first, second] = [ask(1, 'a', 'b'), ask(2, 'a', 'b')];
    answer(first, 'a', 400);
    answer(second, 'a', 500);
    expect(questions.bytes).toBe(900);
    questions.losePeer('b');
    expect(questions.bytes).toBe(0);
    answer(ask(3, 'a', 'b'), 'a', BYTES_MAX);
    questions.expire(900);
    expect(questions.bytes).toBe(0);
    expect(said[2]).toEqual({ token: 3, answers: ['a'], missing: ['b'], complete: false });
  });

  it('keep an answer, not the datagram it came in', () => {
    let body: Buffer | undefined;
    questions = new Questions(
      10,
      BYTES_MAX,
      new NodeTimers().owed.questions,
      (_, answers) => (body = answers[0]?.body),
    );
    const datagram = Buffer.from('xxanswerxx');
    questions.answer(ask(1, 'a'), 'a', datagram.subarray(2, 8));
    datagram.fill('y');
    expect(body?.toString()).toBe('answer');
  });
});
