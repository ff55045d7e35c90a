/* aside_frame.h - what goes between the gateway and the helper process of a plugin: asks and answers, each a head and its bytes. Both are
 * the same program on the same machine. The gateway believes nothing of an answer that it has not checked. */
#ifndef PLUGIN_ASIDE_FRAME_H
#define PLUGIN_ASIDE_FRAME_H

#include <stdint.h>

#define ASIDE_ASK_MAGIC 0x61736b21u
#define ASIDE_ANSWER_MAGIC 0x616e7321u

enum {
    ASIDE_BYTES_MOST = 4 << 20, /* of a frame behind its head */
    ASIDE_KEYS_MOST = 64,       /* of one ask */
    ASIDE_CONTROL_FD = 3,       /* of the helper: it ends when the other side is closed; the lanes follow it */
};

/* The first bytes on the control socket, before the settings as JSON. The answer is a uint32_t and as many bytes: why the plugin
 * could not be opened. No bytes: it is open. */
struct aside_hello {
    uint32_t lanes, settings_len;
};

enum aside_op { ASIDE_GET = 1, ASIDE_SET, ASIDE_DEL, ASIDE_ADD };

/* Behind it: team, space, the keys with a NUL behind each, value. */
struct aside_ask_head {
    uint32_t magic, id;
    uint32_t op, mode, ttl_s, key_count;
    int64_t delta, start;
    uint32_t team_len, space_len, keys_len, value_len;
};

/* Behind it, of a get: for each value its place among the keys and its length, a uint32_t each, and its bytes. */
struct aside_answer_head {
    uint32_t magic, id;
    int32_t status;
    uint32_t len;
    int64_t total;
};

#endif
