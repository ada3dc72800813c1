/** The page with the player. Safari plays HLS by itself; hls.js is for the rest. */
export const page = `<!doctype html>
<html lang="en">
<title>Private HLS</title>
<meta name="viewport" content="width=device-width" />
<style>body { font: 16px system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem } video { width: 100% }</style>
<h1>Private HLS</h1>
<p>
  <button data-by="path">Token in the path</button>
  <button data-by="cookie">Cookie</button>
  <button data-by="playlist">Signed playlists</button>
</p>
<video id="video" muted playsinline controls></video>
<p id="state" role="status">Choose a way.</p>
<script src="/hls.js"></script>
<script type="module">
  const video = document.getElementById('video');
  const state = document.getElementById('state');
  let hls;
  for (const button of document.querySelectorAll('button')) button.onclick = () => play(button.dataset.by);
  video.onended = () => (state.textContent = 'Played to the end.');

  async function play(by) {
    const { path } = await (await fetch('/watch/creator-1/hls/media-1?by=' + by)).json();
    state.textContent = 'Playing ' + path;
    hls?.destroy();
    if (!Hls.isSupported()) {
      video.src = path;
    } else {
      hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, { fatal, details, response }) => {
        if (fatal) state.textContent = details + ' ' + (response?.code ?? '');
      });
      hls.loadSource(path);
      hls.attachMedia(video);
    }
    await video.play();
  }
</script>
</html>
`;
