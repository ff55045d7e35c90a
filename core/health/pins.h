/* pins.h - which account has what lives in an account: a stored response, a container, reasoning that only its account can decrypt. Digests
 * alone are kept, for 30 days, in memory and in a file of the gateway's, so that a process that starts anew knows them.
 *
 * Two generations: when the newer one is full the older one is dropped. One mutex, held for a few instructions and one write() of 32 bytes;
 * any thread. Nothing is shared between gateways. */
#ifndef HEALTH_PINS_H
#define HEALTH_PINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define PINS_ID 16u                       /* bytes of a digest */
#define PINS_LIFE_S (INT64_C(30) * 86400) /* OpenAI keeps a response, Anthropic a container, for so long */
#define PINS_MOST ((size_t)512 << 10)     /* of one generation */

struct pins;

/* Reads what the folder's files have. `folder` NULL: in memory alone. At most `most` in a generation; 0: PINS_MOST. NULL with `fail`: the
 * files cannot be used. Boot thread. */
struct pins *pins_open(const char *folder, size_t most, int64_t now_s, struct fail *fail);
void pins_close(struct pins *pins);
/* What `id` names is with the account `place`, which is not 0. `now_s`: Unix time. */
void pins_note(struct pins *pins, const uint8_t id[PINS_ID], uint64_t place, int64_t now_s);
/* Whose it is; 0: nobody knows. */
uint64_t pins_find(struct pins *pins, const uint8_t id[PINS_ID], int64_t now_s);

#endif
