/* fake_shape.h - the words of an answer in one provider's shape; fake_mode.c puts them together to a given size. */
#ifndef BENCH_FAKE_SHAPE_H
#define BENCH_FAKE_SHAPE_H

/* All texts but the marks are JSON or events as they go over the wire, the lists end with NULL. */
struct fake_shape {
    const char *request_end;                /* what the first line of a request ends with */
    const char *user_mark;                  /* in the request; the number of who asks follows */
    const char *id_mark;                    /* in the answer; that number follows with 8 digits */
    const char *whole_before, *whole_after; /* around the text of a whole answer */
    const char *first[4];                   /* events before the first piece of text, each by itself */
    const char *event_before, *event_after; /* around " t", the 16 digits of its time, and what fills it up */
    const char *last[2][4];                 /* events after the last piece of text; [1] when usage was asked for */
};

extern const struct fake_shape fake_shape_openai, fake_shape_anthropic;

#endif
