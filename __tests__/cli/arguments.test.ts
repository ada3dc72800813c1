import { parseBytes, parseInteger, parseLocation, parseSeconds } from '../../src/cli/values.js';
import { jsonLines, run, written } from './cli-harness.js';

const SECRET = 'a-secret-of-forty-characters-0123456789ab';
const env = {
  R2_ACCOUNT_ID: 'a'.repeat(32),
  R2_ACCESS_KEY_ID: 'key-id',
  R2_SECRET_ACCESS_KEY: SECRET,
  R2_ENDPOINT: 'http://127.0.0.1:9',
};

describe('credentials', () => {
  it.each([
    ['--secret-access-key', SECRET],
    [`--secret-access-key=${SECRET}`],
    [`--secret=${SECRET}`],
    ['--access-key-id', SECRET],
    [`--r2-session-token=${SECRET}`],
    ['--token', SECRET],
    [`--api-token=${SECRET}`],
    [`--password=${SECRET}`],
    ['--account-id', SECRET],
  ])('are refused as a flag: %s', async (...flags) => {
    const { code, stdout, stderr } = await run(['ls', 'media', ...flags], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^codex-r2: USAGE: --[a-z0-9-]+ is not taken: credentials come from the environment/);
  });

  it('are no flags after --', async () => {
    const { code, stderr } = await run(['sign', '--expires', '1m', '--', 'media/--token'], { env });
    expect([code, stderr]).toEqual([0, '']);
  });

  it('are named, not shown, when they are missing or wrong', async () => {
    const missing = await run(['ls', 'media'], { env: { R2_ACCESS_KEY_ID: 'x', R2_SECRET_ACCESS_KEY: ' ' } });
    expect(missing).toEqual({
      code: 3,
      stdout: '',
      stderr: 'codex-r2: MISSING_CREDENTIALS: Set R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY in the environment.\n',
    });
    const wrong = await run(['ls', 'media'], { env: { ...env, R2_SECRET_ACCESS_KEY: `${SECRET} ${SECRET}` } });
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toContain('secretAccessKey');
    expect(
      (await run(['ls', 'media'], { env: { ...env, R2_JURISDICTION: 'mars', R2_ENDPOINT: undefined } })).code,
    ).toBe(3);
  });

  it('are cut from an option that is unknown, and from an error that quotes them', async () => {
    const unknown = await run(['ls', `--keys=${SECRET}`], { env: {} });
    expect(unknown).toEqual({ code: 2, stdout: '', stderr: "codex-r2: USAGE: unknown option '--keys'\n" });
    const quoted = await run(['lifecycle', 'apply', 'media', '-'], { env, stdin: `{"a": ${SECRET}` });
    expect([quoted.code, quoted.stderr.includes('is not JSON')]).toEqual([2, true]);
  });

  it('choose the account of --to-env, which must be there', async () => {
    const { code, stderr } = await run(['replicate', 'media', 'backup', '--to-env', 'TARGET_'], { env });
    expect([code, stderr]).toEqual([
      3,
      'codex-r2: MISSING_CREDENTIALS: Set TARGET_ACCOUNT_ID, TARGET_ACCESS_KEY_ID, TARGET_SECRET_ACCESS_KEY in the environment.\n',
    ]);
    expect((await run(['replicate', 'media', 'backup', '--to-env', 'no-prefix'], { env })).code).toBe(2);
  });

  afterAll(() => {
    expect(written.filter((text) => text.includes(SECRET))).toEqual([]);
  });
});

describe('the command line', () => {
  it('tells its version and its help on the standard output, with 0', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    for (const args of [['--help'], ['rm', '--help'], ['uploads', 'abort', '--help'], ['help', 'ls']]) {
      const { code, stdout, stderr } = await run(args);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Usage: codex-r2/);
      expect(stdout).not.toContain('default: false');
    }
    expect((await run(['--help'])).stdout).toContain('130 interrupted');
  });

  it.each([
    ['nothing', []],
    ['an unknown command', ['lss']],
    ['an unknown option', ['ls', '--nope']],
    ['a missing argument', ['du']],
    ['too many arguments', ['du', 'media', 'more']],
    ['a limit that is none', ['ls', 'media', '--limit', '1e3']],
    ['a finding that is none', ['check-hls', 'media/a.m3u8', '--ignore', 'nothing']],
    ['a bucket that is none', ['ls', 'Media_']],
    ['a key that is none', ['sign', 'media/a/../b']],
    ['a prefix beside the playlist', ['check-hls', 'media/a/b.m3u8', '--prefix', 'c/']],
  ])('ends with 2 for %s', async (_what, args) => {
    const { code, stdout, stderr } = await run(args, { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toBe('');
  });

  it('reports a mistake in one line, or as JSON', async () => {
    expect((await run(['lss'], { env })).stderr).toBe("codex-r2: USAGE: unknown command 'lss' (Did you mean ls?)\n");
    const { stderr } = await run(['--json', 'lss'], { env });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'USAGE', message: "unknown command 'lss' (Did you mean ls?)" },
    });
  });

  it('takes --json before and after the command', async () => {
    const before = jsonLines(await run(['--json', 'sign', 'media/a'], { env, now: () => 0 }));
    const after = jsonLines(await run(['sign', 'media/a', '--json'], { env, now: () => 0 }));
    expect([before.length, after.length]).toEqual([1, 1]);
    expect(before[0]).toMatchObject({ bucket: 'media', expiresAt: '1970-01-01T01:00:00.000Z' });
  });

  it('ends with 1 when the server does not answer', async () => {
    const { code, stderr } = await run(['du', 'media'], { env });
    expect([code, stderr.split('\n').length]).toEqual([1, 2]);
    expect(stderr).toMatch(/^codex-r2: R2_FAILED: /);
  });
});

describe('values', () => {
  it('takes locations apart', () => {
    expect(parseLocation('media')).toEqual({ bucket: 'media', key: '' });
    expect(parseLocation('media/a/b c')).toEqual({ bucket: 'media', key: 'a/b c' });
    expect(parseLocation('s3://media//a')).toEqual({ bucket: 'media', key: '/a' });
  });

  it('reads times, sizes and numbers', () => {
    expect(['90', '90s', '15m', '4h', '7d', '2W'].map((text) => parseSeconds(text, '--x'))).toEqual([
      90, 90, 900, 14_400, 604_800, 1_209_600,
    ]);
    expect(['10', '64k', '8MiB', '2g'].map((text) => parseBytes(text, '--x'))).toEqual([
      10, 65_536, 8_388_608, 2_147_483_648,
    ]);
    expect(parseInteger('16', '--x', { min: 1, max: 64 })).toBe(16);
  });

  it.each(['', '-1', '1.5', 'd', '1y', '1 d'])('refuses the time %j', (text) => {
    expect(() => parseSeconds(text, '--expires')).toThrow('--expires');
  });
});
