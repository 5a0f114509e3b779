import { filter, firstValueFrom, map, race, timer } from 'rxjs';
import type { Carrier } from '../cluster/carrier/carrier.js';
import { failure, ok, type Finding } from './finding.js';

/**
 * Whether a broker carries datagrams, as a node would find it.
 *
 * @param where the broker and its servers, for people
 * @throws {ConfigurationError} when the broker refuses us, or its library is not installed
 */
export async function checkBroker(carrier: Carrier, where: string, patienceMs: number): Promise<Finding[]> {
  let last = '';
  const subscription = carrier.outage$.subscribe((outage) => (last = outage ?? ''));
  await carrier.open();
  const isCarried = await firstValueFrom(
    race(
      carrier.outage$.pipe(
        filter((outage) => outage === null),
        map(() => true),
      ),
      timer(patienceMs).pipe(map(() => false)),
    ),
  );
  subscription.unsubscribe();
  await carrier.close();
  return [isCarried ? ok(`${where}: what this host publishes comes back`) : failure(last)];
}
