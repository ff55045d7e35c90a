/* lines.h - a tool that answers lines about a price book: one JSON object a line on stdin, the same on stdout. */
#ifndef MONEY_LINES_H
#define MONEY_LINES_H

#include "base/arena.h"
#include "base/json.h"
#include "money/book.h"

/* Writes one object for `asked`. What it needs meanwhile may be in the arena. */
typedef void lines_answer(const struct book *book, const struct json *asked, struct arena *arena,
                          struct json_writer *w);

/* main() of the tool: NAME BOOK. */
int lines_main(const char *name, int argc, char **argv, lines_answer *answer);

#endif
