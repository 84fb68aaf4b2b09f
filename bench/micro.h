/* micro: small steps of a lead's way, timed in a loop. Each group prints its figures. */
#ifndef PUNNET_BENCH_MICRO_H
#define PUNNET_BENCH_MICRO_H

void micro_lead(void);  /* reading, normalising, sealing, packing */
void micro_judge(void); /* facts, claims, verdicts */

#endif
