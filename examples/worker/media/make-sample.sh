#!/bin/sh
# Makes the media sample of the demo: one short clip, its original and two HLS variants. Needs ffmpeg 5 or later.
# A slow gradient and a tone compress to almost nothing, so that the repository can carry real 720p and 360p. The segments
# are fragmented MP4, because the tools of this repository take a .ts file for TypeScript.
set -eu
cd "$(dirname "$0")"

SECONDS_TOTAL=6
SEGMENT_SECONDS=2
FRAME_RATE=12

rm -rf originals hls
mkdir -p originals hls/720p hls/360p

picture="gradients=size=1280x720:rate=$FRAME_RATE:speed=0.01:c0=0x0f4c5c:c1=0xe36414:nb_colors=2:seed=7"
sound="sine=frequency=220:beep_factor=4:sample_rate=44100"

# encode WIDTHxHEIGHT, the arguments of the output
encode() {
  size=$1
  shift
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "$picture" -f lavfi -i "$sound" -t "$SECONDS_TOTAL" \
    -vf "scale=$size,format=yuv420p" -c:v libx264 -profile:v main -level:v 3.1 -preset slow -crf 30 \
    -g $((FRAME_RATE * SEGMENT_SECONDS)) -keyint_min $((FRAME_RATE * SEGMENT_SECONDS)) -sc_threshold 0 \
    -c:a aac -b:a 32k -ac 1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1 "$@"
}

segments() {
  encode "$1" -f hls -hls_time "$SEGMENT_SECONDS" -hls_playlist_type vod \
    -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 \
    -hls_segment_filename "hls/$2/segment-%d.m4s" "hls/$2/playlist.m3u8"
}

encode 640:360 -movflags +faststart originals/original.mp4
segments 1280:720 720p
segments 640:360 360p

cat > hls/master.m3u8 <<'PLAYLIST'
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-STREAM-INF:BANDWIDTH=160000,RESOLUTION=1280x720,CODECS="avc1.4d401f,mp4a.40.2"
720p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=110000,RESOLUTION=640x360,CODECS="avc1.4d401f,mp4a.40.2"
360p/playlist.m3u8
PLAYLIST

find originals hls -type f -exec wc -c {} +
