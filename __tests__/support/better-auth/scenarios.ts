import type { AuthApp } from './device.js';
import { Device } from './device.js';

const CALLERS = 50;

/** Something that Better Auth does, right only where its storage is. Each uses addresses of its own. */
export interface AuthScenario {
  readonly name: string;
  /** Whether the app limits rates. */
  readonly isLimited?: boolean;
  run(app: AuthApp): Promise<void>;
}

async function signedUp(app: AuthApp, email: string): Promise<Device> {
  const device = new Device(app);
  expect([email, (await device.signUp(email)).status]).toEqual([email, 200]);
  return device;
}

async function signedIn(app: AuthApp, email: string): Promise<Device> {
  const device = new Device(app);
  expect([email, (await device.signIn(email)).status]).toEqual([email, 200]);
  return device;
}

/** Whether each device has a session. */
async function areIn(...devices: Device[]): Promise<boolean[]> {
  const seen: boolean[] = [];
  for (const device of devices) seen.push((await device.session()) !== null);
  return seen;
}

async function linkFor(app: AuthApp, email: string): Promise<string> {
  expect((await new Device(app).post('/sign-in/magic-link', { email })).status).toBe(200);
  return (await app.links()).at(-1)!;
}

/** What works with any storage that is strongly consistent. */
export const authScenarios: readonly AuthScenario[] = [
  {
    name: 'signs up, signs in, and reads the session',
    async run(app) {
      const first = await signedUp(app, 'in@example.com');
      const second = await signedIn(app, 'in@example.com');
      expect((await first.session())?.user.email).toBe('in@example.com');
      expect((await second.session())?.session.token).not.toBe((await first.session())?.session.token);
      expect(
        (await new Device(app).post('/sign-in/email', { email: 'in@example.com', password: 'wrong one' })).status,
      ).toBe(401);
      expect(await new Device(app).session()).toBeNull();
    },
  },
  {
    name: 'refuses a session that was signed out, to whoever still has its cookie',
    async run(app) {
      const device = await signedUp(app, 'out@example.com');
      const other = await signedIn(app, 'out@example.com');
      const thief = device.copy();
      expect(await areIn(device, thief)).toEqual([true, true]);
      expect((await device.post('/sign-out')).status).toBe(200);
      expect(await areIn(device, thief, other)).toEqual([false, false, true]);
    },
  },
  {
    name: 'revokes one session, the others, and all',
    async run(app) {
      const email = 'revoke@example.com';
      const [a, b, c] = [await signedUp(app, email), await signedIn(app, email), await signedIn(app, email)];
      expect(await a.sessions()).toHaveLength(3);
      const { token } = (await b.session())!.session;
      expect((await a.post('/revoke-session', { token })).status).toBe(200);
      expect(await areIn(a, b, c)).toEqual([true, false, true]);
      const d = await signedIn(app, email);
      expect((await a.post('/revoke-other-sessions')).status).toBe(200);
      expect(await areIn(a, c, d)).toEqual([true, false, false]);
      const e = await signedIn(app, email);
      expect((await a.post('/revoke-sessions')).status).toBe(200);
      expect(await areIn(a, e)).toEqual([false, false]);
    },
  },
  {
    name: 'takes a magic link once',
    async run(app) {
      const token = await linkFor(app, 'link@example.com');
      const [first, second] = [new Device(app), new Device(app)];
      const opened = await first.openLink(token);
      expect([opened.status, opened.headers.get('location')]).toEqual([302, 'http://localhost:3000/home']);
      expect((await second.openLink(token)).headers.get('location')).toContain('error=INVALID_TOKEN');
      expect(await areIn(first, second)).toEqual([true, false]);
      expect((await new Device(app).openLink('x'.repeat(32))).headers.get('location')).toContain('error=INVALID_TOKEN');
    },
  },
  {
    name: `lets one of ${CALLERS} callers in who open one magic link at once`,
    async run(app) {
      const token = await linkFor(app, 'race@example.com');
      const devices = Array.from({ length: CALLERS }, () => new Device(app));
      await Promise.all(devices.map((device) => device.openLink(token)));
      expect(devices.filter((device) => device.hasSessionCookie)).toHaveLength(1);
      expect((await areIn(...devices)).filter(Boolean)).toHaveLength(1);
    },
  },
  {
    name: `lets 3 of ${CALLERS} sign-ins at once through its limit, and 3 more ten seconds later`,
    isLimited: true,
    async run(app) {
      const ip = '198.51.100.7';
      await new Device(app, '198.51.100.8').signUp('limit@example.com');
      const passed = async (): Promise<number> => {
        const attempts = Array.from({ length: CALLERS }, () => new Device(app, ip).signIn('limit@example.com'));
        const statuses = (await Promise.all(attempts)).map(({ status }) => status);
        expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
        return statuses.filter((status) => status === 200).length;
      };
      expect(await passed()).toBe(3);
      expect(await passed()).toBe(0);
      expect((await new Device(app, '198.51.100.9').signIn('limit@example.com')).status).toBe(200);
      await app.advance(10_000);
      expect(await passed()).toBe(3);
    },
  },
  {
    name: 'ends a session and a magic link when their time is over',
    async run(app) {
      const device = await signedUp(app, 'expiry@example.com');
      const token = await linkFor(app, 'expiry@example.com');
      await app.advance(301_000);
      expect(await areIn(device)).toEqual([true]);
      expect((await new Device(app).openLink(token)).headers.get('location')).toContain('error=INVALID_TOKEN');
      await app.advance(7 * 86_400_000);
      expect(await areIn(device)).toEqual([false]);
    },
  },
];
