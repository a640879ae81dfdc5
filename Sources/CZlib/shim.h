#pragma once
#include <zlib.h>

// inflateInit2 is a macro, which Swift does not see. 16 asks for gzip's header and trailer, 15 for the largest window.
static inline int retort_inflate_gzip(z_stream *stream) { return inflateInit2(stream, 16 + 15); }
