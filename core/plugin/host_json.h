/* host_json.h - the two JSON tables of the host, over base/json. For host.c only. */
#ifndef PLUGIN_HOST_JSON_H
#define PLUGIN_HOST_JSON_H

#include <gateway/host.h>

extern const gw_json_api host_json;
extern const gw_writer_api host_write;

#endif
