/* stream.h - the line of stages that a stream goes through: bytes -> frames -> (relay | read) -> bytes -> the sink.
 *
 * Worker's thread. Only flow/ includes this. */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include <stdbool.h>

#include "base/text.h"

struct attempt;
struct frame;

/* One read of the upstream's bytes. Frames that lie behind each other in it go out in one write. */
struct stream_run {
    struct attempt *attempt;
    struct text fed; /* what this read brought: alive until stream_feed() returns */
    struct text bytes;
    bool end; /* the body is over: this frame may be half a one */
};

/* What a stage returns for a frame, as framing.h has it: 0 goes on. */
enum { STREAM_STOP = 1, STREAM_FIRST = 2 /* the answer begins with this frame: the way goes on before the next one */ };

/* The answer is cut into frames from here on. */
void stream_begin(struct attempt *a);
/* How the provider has its streams cut: GW_FRAMING_*. */
unsigned stream_framing(const struct attempt *a);
/* Bytes of the body. The way may go on inside this call, and the request may end there. */
void stream_feed(struct attempt *a, struct text bytes);
/* The body is over: what is left is a frame, too, where it `counts`. */
void stream_finish(struct attempt *a, bool counts);
/* Passes on what the events of a local step became; the first of them begin the answer. False when nothing more is wanted:
 * the attempt has failed, or the request is over. */
bool stream_after_step(struct attempt *a);

/* For the stages. */
/* It begins to speak, and the client gets it: the time to the first token. */
void stream_note_first(struct attempt *a);
/* The bytes of a frame, to the client: with those before, where they lie behind them. */
void stream_pass(struct stream_run *run, struct text raw);
/* What was passed is given away now. */
void stream_flush(struct stream_run *run);

/* relay.c: the stage of a stream in the client's own dialect. As on_frame() of framing.h. */
int relay_frame(struct stream_run *run, const struct frame *frame);

#endif
