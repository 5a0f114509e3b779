/**
 * Reads a jest report and prints what failed or was left out, then a last line `passed failed` for .ci/run.
 * A run without a readable report, or one that ended with an error, counts as one failed test.
 */
import { readFileSync } from 'node:fs';

const [file, exitCode] = process.argv.slice(2);
const print = (line) => void process.stdout.write(`${line}\n`);

let report = null;
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  print(`no readable report was left (exit code ${exitCode})`);
}

if (report === null) {
  print('0 1');
} else {
  for (const { assertionResults, message, name, status } of report.testResults) {
    if (status === 'failed' && assertionResults.length === 0) print(`${name}\n${message}`);
    for (const { fullName, status } of assertionResults) {
      if (status === 'failed') print(`failed: ${fullName}`);
      if (status === 'pending') print(`left out: ${fullName}`);
    }
  }
  let failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  if (failed === 0 && exitCode !== '0') {
    print(`the test run did not end as it should (exit code ${exitCode})`);
    failed = 1;
  }
  print(`${report.numPassedTests} ${failed}`);
}
