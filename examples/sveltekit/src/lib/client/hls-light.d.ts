// The part of hls.js that plays plain video and sound; it comes without types of its own.
declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
