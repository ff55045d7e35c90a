/* metrics_capture.c - what was captured of requests, in Prometheus' text format. */
#include <inttypes.h>

#include "capture/capture.h"
#include "flow/metrics_inside.h"

void metrics_write_captures(const struct capture_sums *sums, struct buf *out)
{
    buf_printf(out,
               "# HELP gw_captures_total Requests and answers that were kept, sealed, for tries of policies.\n"
               "# TYPE gw_captures_total counter\ngw_captures_total %" PRIu64 "\n",
               sums->written);
    buf_str(out,
            "# HELP gw_captures_lost_total Requests and answers that should have been kept and were not, and why.\n"
            "# TYPE gw_captures_lost_total counter\n");
    for (int i = 0; i < CAPTURE_LOSSES; i++)
        buf_printf(out, "gw_captures_lost_total{reason=\"%s\"} %" PRIu64 "\n", capture_loss_name((enum capture_loss)i),
                   sums->lost[i]);
}
