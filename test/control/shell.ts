/**
 * The shells, driven through a pseudo-terminal as a person at a keyboard drives them.
 * One after the other: each test runs many processes.
 */
import test from 'ava';
import { FREE, hasPython, inFolder, onTerminal } from '../support/command-run.js';

const terminalTest = hasPython ? test.serial : test.skip;
if (!hasPython) console.log('python3 with its module pty is not there: the tests of the shells are skipped');

terminalTest('remote evaluates, waits, completes, remembers, and leaving it leaves the node running', async (t) => {
  const folder = inFolder(t);
  t.is((await folder.do(['daemon', ...FREE]))[0], 0);
  const shell = onTerminal(folder, ['remote']);
  await shell.find(/pigeonhole> /);
  shell.type('6 * 7\r');
  await shell.find(/\r\n42\r\n/);
  shell.type('const answer = await Promise.resolve({ deep: "thought" })\r');
  // What is typed before the prompt is back is taken, but shown and completed at the wrong place.
  await shell.find(/thought[^]*pigeonhole> /);
  shell.type('answer.de\t');
  await shell.find(/answer\.deep/);
  shell.type('.length\r');
  await shell.find(/\r\n7\r\n/);
  shell.type('[1,\r');
  await shell.find(/\.\.\. /);
  shell.type('2].length + 100\r');
  await shell.find(/\r\n102\r\n/);
  shell.type('[1,\r');
  await shell.find(/\.\.\. [^]*\.\.\. /);
  shell.type('\x03');
  await shell.find(/type \.exit\)\r\n[^]*pigeonhole> /);
  shell.type('function twice(x) {\r  return 2 * x;\r}\rtwice(52)\r');
  await shell.find(/104\r\n/);
  shell.type('throw new Error("boo")\r');
  await shell.find(/Uncaught Error: boo\r\n/);
  shell.type('setTimeout(() => console.log("la" + "ter"), 1); 0\r');
  await shell.find(/later\r\n/);
  shell.type('.help\r');
  await shell.find(/settings +the settings: [^]*Commands of the shell/);
  shell.type('.exit\r');
  t.is(await shell.ended, 0);
  t.deepEqual(await folder.do(['command', 'PING']), [0, 'PONG\n', '']);

  const again = onTerminal(folder, ['remote']);
  await again.find(/pigeonhole> /);
  again.type('\x1b[A\x1b[A\x1b[A');
  await again.find(/setTimeout/);
  again.type('\x15\x04');
  t.is(await again.ended, 0);
  await folder.do(['stop']);
});

terminalTest('two shells at once have their own variables, and go when the node goes', async (t) => {
  const folder = inFolder(t);
  await folder.do(['daemon', ...FREE]);
  const shells = [onTerminal(folder, ['remote']), onTerminal(folder, ['remote'])];
  for (const [index, shell] of shells.entries()) {
    await shell.find(/pigeonhole> /);
    shell.type(`const mine = ${index + 1}00 + ${index}\r`);
  }
  for (const [index, shell] of shells.entries()) {
    shell.type('mine + 1000\r');
    await shell.find(new RegExp(`[\\nG]1${index + 1}0${index}\\r\\n`));
  }
  t.deepEqual(await folder.do(['stop']), [0, '', '']);
  for (const shell of shells) {
    t.is(await shell.ended, 1);
    t.regex(shell.output, /pigeonhole has gone/);
  }
});

terminalTest('start_console runs a node under a shell, shows its log, and ends with the shell', async (t) => {
  const folder = inFolder(t);
  const console = onTerminal(folder, ['start_console', ...FREE]);
  await console.find(/pigeonhole> /);
  t.regex(console.output, /Ready to accept connections/);
  console.type('log.info("seen" + "too")\r');
  await console.find(/\[info\] seentoo/);
  t.deepEqual(await folder.do(['command', 'PING']), [0, 'PONG\n', '']);
  console.type('.exit\r');
  t.is(await console.ended, 0);
  t.regex((await folder.do(['pid']))[2], /is not running/);
});

test.serial('what is piped into remote is evaluated in its order', async (t) => {
  const folder = inFolder(t);
  await folder.do(['daemon', ...FREE]);
  const shell = folder.run(['remote']);
  shell.child.stdin!.end('let a = await Promise.resolve(1)\na + 1\nfunction twice(x) {\n  return 2 * x;\n}\ntwice(a + 1)\n');
  t.is(await shell.ended, 0);
  t.regex(shell.output, /> 2\n[^]*> 4\n/);
  await folder.do(['stop']);
});
