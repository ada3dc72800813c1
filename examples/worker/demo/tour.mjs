import { AccountSteps } from './tour/accounts.mjs';
import { BackgroundSteps } from './tour/background.mjs';
import { CatalogueSteps } from './tour/catalogue.mjs';
import { PlaybackSteps } from './tour/playback.mjs';
import { Stage } from './tour/stage.mjs';
import { UploadSteps } from './tour/uploads.mjs';
import { WebhookSteps } from './tour/webhooks.mjs';

/** What is done with the Worker, over HTTP as a visitor would; each step asserts what it saw and says it in a sentence. */
export function createTour(server) {
  const stage = new Stage(server);
  const accounts = new AccountSteps(stage);
  const background = new BackgroundSteps(stage);
  const catalogue = new CatalogueSteps(stage);
  const playback = new PlaybackSteps(stage);
  const uploads = new UploadSteps(stage);
  const webhooks = new WebhookSteps(stage);
  const steps = [
    ['health', () => catalogue.health()],
    ['sign up and log in', () => accounts.logIn()],
    ['session from the cache', () => accounts.readSession()],
    ['upload', () => catalogue.upload()],
    ['R2 event', () => catalogue.awaitEvent()],
    ['cached listing', () => catalogue.list()],
    ['publish drops the listing', () => catalogue.publishAnother()],
    ['stale listing', () => catalogue.listStale()],
    ['login limit', () => accounts.tryPasswords()],
    ['20 clicks on publish', () => catalogue.publishAgain()],
    ['view counter', () => catalogue.countViews()],
    ['signed URL', () => playback.fetchSigned()],
    ['tampered URL', () => playback.fetchTampered()],
    ['private HLS', () => playback.playPrivately()],
    ['signed upload', () => uploads.uploadSigned()],
    ['R2 event to HLS', () => uploads.transcode()],
    ['upload in parts', () => uploads.uploadInParts()],
    ['check-hls', () => playback.checkHls()],
    ['hourly replication', () => background.replicate()],
    ['50 requests, two users', () => accounts.interleave()],
    ['nightly clean-up', () => background.cleanUp()],
    ['RPC of a second Worker', () => background.callRpc()],
    ['creator purge', () => catalogue.purge()],
    ['webhook revokes', () => webhooks.revoke()],
    ['webhook refused', () => webhooks.refuse()],
    ['logout', () => accounts.logOut()],
    ['logout everywhere', () => accounts.logOutEverywhere()],
    ['counts of events', () => background.countEvents()],
  ];
  return { steps: steps.map(([name, run]) => ({ name, run })), showcase: stage.showcase };
}
