import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { describeInChromium, freePort, launchChromium } from './support/chromium.js';

describeInChromium('the example of uploads', () => {
  it('stores what is chosen, and says what is refused', async () => {
    const port = await freePort();
    const server = spawn(process.execPath, ['examples/uploads/server.mjs', '--port', String(port)], {
      cwd: join(__dirname, '../..'),
    });
    const browser = await launchChromium();
    try {
      await started(server);
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${port}`);
      await page.setInputFiles('#file', [
        { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.alloc(2000, 1) },
        { name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(20 * 1024 * 1024, 2) },
      ]);
      await page.locator('#files li', { hasText: 'photo.png' }).waitFor();
      await page.locator('#files li', { hasText: /film\.mp4, 20\.0 MiB/ }).waitFor();
      await page.setInputFiles('#file', { name: 'a.html', mimeType: 'text/html', buffer: Buffer.alloc(10) });
      await page
        .getByRole('alert')
        .getByText(/text\/html are not allowed/)
        .waitFor();
    } finally {
      await browser.close();
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
    }
  }, 60_000);
});

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.once('exit', () => reject(new Error(`The example did not start:\n${output}`)));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('The page is at')) resolve();
    });
  });
}
