/* A stand-in for a codec library that a Dockerfile clones and builds by hand: the same SONAME
   as the one that the locked wheel bundles, and none of its code. */

int lc3_frame_bytes(int dt_us, int bitrate) { return (int)((long long)bitrate * dt_us / 8000000); }
