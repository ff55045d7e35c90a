/* banner.h - what a person sees when the gateway has started. Boot thread. */
#ifndef BOOT_BANNER_H
#define BOOT_BANNER_H

#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

/* "http://127.0.0.1:8080", appended. With `reachable`, what a client on this machine can connect to. */
void banner_write_url(const struct config *config, uint16_t port, bool reachable, struct buf *out);
/* A line for each provider: its address, or why it is off. Appended. */
void banner_write_providers(const struct config *config, struct buf *out);
/* The file, providers and why some are off, models, one curl line that works, settings of the SDK. Appended. */
void banner_write(const struct config *config, uint16_t port, struct buf *out);

#endif
