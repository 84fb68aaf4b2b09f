/* stage: see stage.c. */
#ifndef PUNNET_SIM_STAGE_H
#define PUNNET_SIM_STAGE_H

const char *stage_set(void); /* the folder; ends the process when it can't be made */
void stage_ledger(void);     /* an empty one, in the place of the last seed's */
void stage_clear(void);
void stage_make_ledger(const char *path); /* ledger.c, in payout's part */

#endif
