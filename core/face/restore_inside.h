/* restore_inside.h - what the files of restore share. */
#ifndef FACE_RESTORE_INSIDE_H
#define FACE_RESTORE_INSIDE_H

#include "face/edit.h"
#include "face/restore.h"

/* A string that comes in pieces: the text of a choice, the arguments of a call ... */
struct restore_piece {
    struct restore_piece *next;
    const struct restore_form *form;
    int64_t at, inner; /* of the choice, block or output item; of the call or part in it */
    struct text item;  /* of responses: item_id, as JSON; arena */
    bool touched;      /* by the event that is looked at */
    struct replace_run run;
};

struct restore {
    struct arena *arena;
    struct replace *text, *arguments,
        *values; /* of texts; of strings that are JSON; of strings inside of such. NULL: nothing */
    struct restore_piece *pieces;
    struct text head; /* of an event of OpenAI's: the members beside its choices, each with a comma behind it */
    int64_t sequence; /* of responses: the number of the last event */
    int64_t added;    /* events of our own */
    size_t count;     /* of pieces */
    struct replace_run runs[3]; /* for whole strings, of these */
    struct buf out;             /* the string that is being made */
    bool failed;
};

/* One event or body while it is looked at. */
struct restore_pass {
    struct restore *r;
    struct arena *scratch;
    struct edit edit;
    struct buf *before;
};

/* The string, all of it: with the texts that belong into it. */
void restore_put(struct restore_pass *p, const struct json *string, const struct replace *of);
/* The same of each string in a value, keys too. */
void restore_put_all(struct restore_pass *p, const struct json *value);
/* `text` is what stands between the quotes of a string: it takes the place of that one. */
void restore_put_inside(struct restore_pass *p, const struct json *string, struct buf *text);
/* What a whole answer holds: choices, blocks, output items. */
void restore_put_message(struct restore_pass *p, const struct json *message);
void restore_put_block(struct restore_pass *p, const struct json *block);
void restore_put_item(struct restore_pass *p, const struct json *item);

#endif
