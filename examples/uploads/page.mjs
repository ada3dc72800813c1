/* global document */
import Uppy from '@uppy/core';
import AwsS3 from '@uppy/aws-s3';

const MIB = 1024 ** 2;
const element = (id) => document.getElementById(id);

const uppy = new Uppy({ autoProceed: true }).use(AwsS3, {
  generateObjectKey: (file) => file.id, // the server's key takes its place
  shouldUseMultipart: (file) => file.size > 8 * MIB,
  getChunkSize: (file) => Math.max(8 * MIB, Math.ceil(file.size / 10_000)),
  async signRequest(request) {
    const file = uppy.getFile(request.key); // known as long as the key is Uppy's own
    const about = file && { filename: file.name, type: file.type, size: file.size };
    const response = await fetch('/api/uploads/s3/sign', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, ...about }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.message);
    return answer;
  },
});

uppy.on('progress', (percent) => (element('progress').value = percent));
uppy.on('upload-error', (file, error) => (element('message').textContent = `${file.name}: ${error.message}`));
uppy.on('complete', showFiles);

element('file').addEventListener('change', ({ target }) => {
  element('message').textContent = '';
  for (const file of target.files) uppy.addFile({ name: file.name, type: file.type, data: file });
  target.value = '';
});
element('pause').addEventListener('click', ({ target }) => {
  const isPaused = target.getAttribute('aria-pressed') === 'true';
  if (isPaused) uppy.resumeAll();
  else uppy.pauseAll();
  target.setAttribute('aria-pressed', String(!isPaused));
  target.textContent = isPaused ? 'Pause' : 'Go on';
});
element('cancel').addEventListener('click', () => uppy.cancelAll());
await showFiles();

async function showFiles() {
  const files = await (await fetch('/api/files')).json();
  const items = files.map(({ key, size }) => {
    const item = document.createElement('li');
    item.textContent = `${key}, ${(size / MIB).toFixed(1)} MiB`;
    return item;
  });
  element('files').replaceChildren(...items);
}
