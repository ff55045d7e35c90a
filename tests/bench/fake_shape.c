/* fake_shape.c - OpenAI's chat completions and Anthropic's messages. Both report the same usage, the only figure that
 * whoever measures can look for afterwards. */
#include "fake_shape.h"

#include <stddef.h>

#define CHUNK_HEAD                                                                                                     \
    "data: {\"id\":\"chatcmpl-00000000\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\","
#define CHUNK(delta, finish)                                                                                           \
    CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish "}]}\n\n"
#define CHAT_USAGE "\"usage\":{\"prompt_tokens\":12345,\"completion_tokens\":678,\"total_tokens\":13023}"
#define CHAT_DONE "data: [DONE]\n\n"

const struct fake_shape fake_shape_openai = {
    .request_end = "/chat/completions HTTP/1.1\r\n",
    .user_mark = "\"user\":\"bench-",
    .id_mark = "chatcmpl-",
    .whole_before = "{\"id\":\"chatcmpl-00000000\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
                    "\"m\",\"choices\":"
                    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
    .whole_after = "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]," CHAT_USAGE "}",
    .first = { CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null"), NULL },
    .event_before = CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
    .event_after = "\"},\"finish_reason\":null}]}\n\n",
    .last = { { CHUNK("", "\"stop\""), CHAT_DONE, NULL },
              { CHUNK("", "\"stop\""), CHUNK_HEAD "\"choices\":[]," CHAT_USAGE "}\n\n", CHAT_DONE, NULL } },
};

#define EVENT(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define MESSAGE "{\"id\":\"msg_00000000\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":["
#define MESSAGE_USAGE(output)                                                                                          \
    "\"usage\":{\"input_tokens\":12345,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_"      \
    "tokens\":" output ",\"service_tier\":\"standard\"}"
#define BLOCK_DELTA "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
#define MESSAGE_END                                                                                                    \
    EVENT("content_block_stop", ",\"index\":0"),                                                                       \
        EVENT("message_delta",                                                                                         \
              ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}," MESSAGE_USAGE("678")),               \
        EVENT("message_stop", ""), NULL

const struct fake_shape fake_shape_anthropic = {
    .request_end = "/v1/messages HTTP/1.1\r\n",
    .user_mark = "\"user_id\":\"bench-",
    .id_mark = "\"msg_",
    .whole_before = MESSAGE "{\"type\":\"text\",\"text\":\"",
    .whole_after = "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null," MESSAGE_USAGE("678") "}",
    .first = { EVENT("message_start",
                     ",\"message\":" MESSAGE "],\"stop_reason\":null,\"stop_sequence\":null," MESSAGE_USAGE("1") "}"),
               EVENT("ping", ""),
               EVENT("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"), NULL },
    .event_before = BLOCK_DELTA "{\"type\":\"text_delta\",\"text\":\"",
    .event_after = "\"}}\n\n",
    .last = { { MESSAGE_END }, { MESSAGE_END } },
};
