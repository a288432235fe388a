/** The log writer by itself. */
import test from 'ava';
import { LogBuffer } from '../../lib/persistence/log-buffer.js';
import { LogWriter } from '../../lib/persistence/log-writer.js';
import { systemClock } from '../../lib/util/clock.js';
import { MemoryFiles } from '../support/memory-files.js';

test('flush after the end says that the log was given up, and does not wait for what is never written', async (t) => {
  const file = await new MemoryFiles().open('/log', 'create');
  const buffer = new LogBuffer(0);
  const nothing = (): void => undefined;
  const events = { mayWrite: () => true, onSafe: nothing, onFailure: nothing, onRecovery: nothing, onDone: nothing };
  const rules = { policy: 'always', isSyncPaused: false } as const;
  const writer = new LogWriter(file, buffer, rules, systemClock, events, Promise.resolve());
  await writer.flush();
  writer.stop();
  await t.notThrowsAsync(writer.flush(), 'nothing is left to be written');
  buffer.appendText('a record');
  await t.throwsAsync(writer.flush(), { message: 'the log has been given up' });
});
