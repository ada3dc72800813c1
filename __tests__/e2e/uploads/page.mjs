/* global window, location, File, document */
// Runs in the browser: starts real Uppy, of the version that the bundle holds, against the routes of the test's app.

const API = `${location.origin}/api/uploads`;
const MIB = 1024 * 1024;

/** The same bytes that the test expects. */
function content(size) {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index += 1) bytes[index] = (index * 31 + (index >> 8)) & 255;
  return bytes;
}

async function post(path, body) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.code}: ${answer.message}`);
  return answer;
}

const describeFile = (file) => ({ name: file.name, type: file.type, size: file.size });

const MODES = {
  /** Uppy 4 and 5: each callback is a call to the app. */
  callbacks: ({ stolenKey }) => ({
    getUploadParameters: (file) => post('/rpc/getUploadParameters', describeFile(file)),
    async createMultipartUpload(file) {
      const created = await post('/rpc/createMultipartUpload', describeFile(file));
      return stolenKey === undefined ? created : { ...created, key: stolenKey };
    },
    signPart: (file, { uploadId, key, partNumber, body }) =>
      post('/rpc/signPart', { uploadId, key, partNumber, size: body.size }),
    listParts: (file, { uploadId, key }) => post('/rpc/listParts', { uploadId, key }),
    completeMultipartUpload: (file, { uploadId, key, parts }) =>
      post('/rpc/completeMultipartUpload', {
        uploadId,
        key,
        parts: parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })),
      }),
    abortMultipartUpload: (file, { uploadId, key }) => post('/rpc/abortMultipartUpload', { uploadId, key }),
  }),
  /** Uppy 4 and 5: the app is their Companion. */
  companion: () => ({ endpoint: API }),
  /** Uppy 6: parts only. */
  companion6: () => ({ companionEndpoint: API }),
  /** Uppy 6, as the guide has it. */
  signRequest: ({ stolenKey }, uppy) => ({
    generateObjectKey: (file) => file.id,
    signRequest(request) {
      const file = uppy().getFile(request.key);
      const about = file && { filename: file.name, type: file.type, size: file.size };
      const key = stolenKey !== undefined && request.uploadId !== undefined ? stolenKey : request.key;
      return post(`${API}/s3/sign`, { ...request, key, ...about });
    },
  }),
  /** Uppy 6 signs by itself, with temporary credentials. */
  getCredentials: ({ s3Endpoint, prefix }) => ({
    s3Endpoint,
    getCredentials: () => post('/rpc/credentials', {}),
    generateObjectKey: (file) => `${prefix}${file.name}`,
  }),
};

/** Starts an upload; what comes of it stands in `window.outcome` in the end. */
window.startUpload = ({ mode, name, type, size, onePut, ...rest }) => {
  const { Uppy, AwsS3 } = window.uploader;
  const uppy = new Uppy({
    onBeforeFileAdded: (file) => ({ ...file, meta: { ...file.meta, size: file.size ?? file.data.size } }),
  });
  uppy.use(AwsS3, {
    shouldUseMultipart: (file) => onePut !== true && file.size > 5 * MIB,
    getChunkSize: () => 5 * MIB,
    retryDelays: [],
    ...MODES[mode](rest, () => uppy),
  });
  const keys = [];
  uppy.on('upload-success', (file, response) => keys.push(response.body?.key ?? response.uploadURL));
  window.uppy = uppy;
  window.outcome = undefined;
  uppy.addFile({ name, type, data: new File([content(size)], name, { type }) });
  const settle = (result) => {
    window.outcome = {
      successful: result?.successful?.length ?? 0,
      errors: (result?.failed ?? []).map(({ error }) => String(error)),
      keys,
    };
  };
  uppy.upload().then(settle, (error) => settle({ failed: [{ error: error.message }] }));
};
document.title = 'ready';
