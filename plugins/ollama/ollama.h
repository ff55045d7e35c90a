/* ollama.h - between the files of the plugin. */
#ifndef OLLAMA_H
#define OLLAMA_H

#include <gateway/easy.h>

struct ollama { /* an instance; read-only after open() */
    const gw_host *host;
    int64_t num_ctx; /* 0: the model's own */
};

struct ollama_state { /* of one call */
    uint32_t operation, calls;
    int ended; /* of what follows the last line nothing counts */
};

/* answer.c */
gw_status answer_read(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit);

#endif
