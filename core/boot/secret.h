/* secret.h - fetches what env "NAME" and file "path" point at. Boot thread. */
#ifndef BOOT_SECRET_H
#define BOOT_SECRET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"
#include "boot/declare.h"

#define SECRET_MAX (1 << 20) /* bytes; a certificate chain is the longest */

enum secret_state {
    SECRET_READ,
    SECRET_UNSET, /* env without a value */
    SECRET_BAD,   /* a file that cannot be read, or is empty */
};

/* `env "NAME"`, arena: what may be given of it. */
const char *secret_name(const struct declare_secret *secret, struct arena *arena);
/* *value in `arena`, NUL-terminated, one line end at its end removed; whoever owns the arena wipes it.
 * Relative paths begin at `folder`. Otherwise *why names what is wrong, after the name: "is not set". */
enum secret_state secret_read(const struct declare_secret *secret, const char *folder, struct arena *arena,
                              struct text *value, const char **why);
/* No control characters: it can be a header's value. */
bool secret_fits_header(struct text value);

#endif
