import { LockClient, memoryLocks } from '../../src/index.js';
import { lockContract } from '../../src/testing.js';

describe('locks over objects in memory', () => {
  const locks = new LockClient(memoryLocks());
  it.each(lockContract)('$name', ({ run }) => run(locks));
});
