/* What the intervals share. */
#ifndef DNNB_METRICS_INTERVAL_H
#define DNNB_METRICS_INTERVAL_H

/** The 97.5th percentile of the standard normal distribution: an interval of 95% lies between it
 *  and its negative. */
#define DNNB__METRICS_Z 1.959963984540054

#endif
