/* labels.h - what a request is marked with: project and tags, as a client or a key names them. Any thread. */
#ifndef CONFIG_LABELS_H
#define CONFIG_LABELS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"

#define LABELS_TAGS_MOST 8u
#define LABELS_TAG_NAME_MOST 32u
#define LABELS_VALUE_MOST 64u  /* bytes of a project's name, and of a tag's value */
#define LABELS_BYTES_MOST 512u /* of all tags together */

/* Letters, digits and _ . : / @ + -, at most LABELS_VALUE_MOST. */
bool labels_is_project(struct text name);
/* A name of letters, digits, _ . and -; a value of printable characters without commas, and no blank at its ends. */
bool labels_is_tag(struct text name, struct text value);
/* The nearest value of a tag, of a text that somebody else wrote: blanks in the place of commas and control characters, without those at its
 * ends, "?" for what is no UTF-8, cut between characters. Written to `out`; empty where nothing is left. */
struct text labels_value(struct text text, char out[LABELS_VALUE_MOST]);
/* "b=2, a=1" and what a key has ("a=0,c=3"), as one list sorted by name: "a=1,b=2,c=3". What was sent counts before the key's. Arena;
 * absent where there is none. -1 with *why, static: what was sent is no list of tags, or there are too many. */
int labels_merge(struct arena *arena, struct text sent, struct text of_key, struct text *out, const char **why);

#endif
