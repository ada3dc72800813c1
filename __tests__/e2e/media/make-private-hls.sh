#!/bin/sh
# Makes the media that private-hls.test.ts plays: two variants of fragmented MP4, an audio rendition beside them that is
# encrypted with AES-128, and a multivariant playlist. Needs ffmpeg 5 or later and openssl; made again, it is the same.
set -eu
cd "$(dirname "$0")"

SECONDS_TOTAL=6
SEGMENT_SECONDS=2
FRAME_RATE=12
# No secret: a fixture must be the same each time.
KEY=30313233343536373839616263646566

rm -rf private-hls
mkdir -p private-hls/360p private-hls/180p private-hls/audio private-hls/keys
cd private-hls

picture="gradients=size=640x360:rate=$FRAME_RATE:speed=0.01:c0=0x0f4c5c:c1=0xe36414:nb_colors=2:seed=7"
sound="sine=frequency=220:beep_factor=4:sample_rate=44100"

# segments FOLDER, the arguments of input and output
segments() {
  folder=$1
  shift
  ffmpeg -hide_banner -loglevel error -y "$@" -t "$SECONDS_TOTAL" -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
    -map_metadata -1 -f hls -hls_time "$SEGMENT_SECONDS" -hls_playlist_type vod -hls_segment_type fmp4 \
    -hls_fmp4_init_filename init.mp4 -hls_segment_filename "$folder/segment-%d.m4s" "$folder/playlist.m3u8"
}

variant() {
  segments "$1" -f lavfi -i "$picture" -vf "scale=$2,format=yuv420p" -c:v libx264 -profile:v main -level:v 3.0 \
    -preset slow -crf 32 -g $((FRAME_RATE * SEGMENT_SECONDS)) -keyint_min $((FRAME_RATE * SEGMENT_SECONDS)) -sc_threshold 0
}

variant 360p 640:360
variant 180p 320:180
segments audio -f lavfi -i "$sound" -c:a aac -b:a 32k -ac 1

printf '%s' "$KEY" | xxd -r -p > keys/audio.key
for segment in audio/segment-*.m4s; do
  number=$(basename "$segment" .m4s | cut -d- -f2)
  openssl enc -aes-128-cbc -K "$KEY" -iv "$(printf '%032x' "$number")" -in "$segment" -out "$segment.enc"
  mv "$segment.enc" "$segment"
done
# After the map, which stays in the clear. The IV is the media sequence number, as it is where the tag names none.
sed -i 's/^\(#EXT-X-MAP:.*\)$/\1\n#EXT-X-KEY:METHOD=AES-128,URI="..\/keys\/audio.key"/' audio/playlist.m3u8

cat > master.m3u8 <<'PLAYLIST'
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Tone, 220 Hz",DEFAULT=YES,AUTOSELECT=YES,URI="audio/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=110000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2",AUDIO="audio"
360p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=70000,RESOLUTION=320x180,CODECS="avc1.4d401e,mp4a.40.2",AUDIO="audio"
180p/playlist.m3u8
PLAYLIST

find . -type f -exec wc -c {} +
