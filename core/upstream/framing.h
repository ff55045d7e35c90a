/* framing.h - cuts a streamed answer into frames: SSE events, lines, messages of AWS event streams.
 *
 * Pure: bytes in, frames out, cut anywhere. One parser for the relay and for translation:
 * each frame also decides which raw bytes it was, so the relay can pass them on unchanged. */
#ifndef UPSTREAM_FRAMING_H
#define UPSTREAM_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

/* One frame. Everything is lent for the call. */
struct frame {
    struct text raw; /* the bytes on the wire, with the line ends that close it (relay these) */
    struct text
        name; /* SSE event field; of an event stream :event-type, :exception-type or :error-code; absent when none */
    struct text data;    /* SSE data lines joined by \n; a line; a message's payload; or the bytes */
    struct text headers; /* of an event stream: the header block (base/eventstream.h); else absent */
    struct text id;      /* SSE last event id as of this event */
    bool comment;        /* raw bytes without an event: comments, retry, blank lines */
};

/* A part of the frame being cut, counted from its first byte: the frame may move while it grows. */
struct framing_part {
    size_t at, len;
};

struct framing {
    uint32_t kind;   /* GW_FRAMING_SSE, _LINES, _EVENTSTREAM or _RAW of <gateway/provider.h> */
    struct buf held; /* an incomplete frame, or what on_frame stopped before */
    size_t scanned;  /* of the frame being cut: bytes already searched */
    struct buf data; /* joined data lines where one event has several */
    struct buf id;
    bool at_start; /* a BOM may still come */
    bool failed;
    bool damaged;  /* it failed because a message does not match its checksums, or is half a one */
    bool has_id;   /* the frame being cut sets the id */
    bool after_cr; /* the last frame ended with CR: an LF that follows is no line of its own */
    uint32_t data_lines;
    size_t line; /* where the unfinished line begins */
    size_t max_frame;
    struct framing_part name_at, data_at, id_at;
};

/* A frame of more than `max_frame` bytes fails, a message of an event stream as soon as its prelude has the length; the LF of a CRLF at its ends does not count. No memory is taken until
 * a frame is cut. Concatenated, the raw bytes of all frames are always the input. A frame is handed out as soon as it
 * is certain: when its last line ends with the CR of a CRLF that is cut there, the LF opens the next frame's bytes. */
void framing_init(struct framing *f, uint32_t kind, size_t max_frame);
void framing_fini(struct framing *f);
/* Hands every complete frame to on_frame, in order. on_frame returns 0 to go on, other to stop (the rest
 * is kept for framing_feed(f, TEXT_NONE, ...)). 0, what on_frame reported, or -1 when a frame passes max_frame or is damaged
 * (framing_is_damaged()); nothing comes after that.
 * A whole event inside `bytes` is handed out in place, without copying. */
int framing_feed(struct framing *f, struct text bytes, int (*on_frame)(void *arg, const struct frame *frame),
                 void *arg);
/* The body ended: what is held is handed out as a last frame when `flush` is set (an SSE event without its
 * final blank line; WHATWG would drop it, providers rely on it). Half a message of an event stream is damaged. Same answers. */
int framing_end(struct framing *f, bool flush, int (*on_frame)(void *arg, const struct frame *frame), void *arg);
/* After -1: was it a checksum, or half a message, and not the limit? */
static inline bool framing_is_damaged(const struct framing *f)
{
    return f->damaged;
}
/* True when bytes of an unfinished frame are held. */
bool framing_pending(const struct framing *f);

#endif
