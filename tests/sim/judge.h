/* judge: is what the logs and the ledger hold in the end what it has to be? Written apart from the services: it unpacks their messages,
 * and counts for itself. */
#ifndef PUNNET_SIM_JUDGE_H
#define PUNNET_SIM_JUDGE_H

#include "base/base.h"

bool judge(char *why, size_t len); /* false: why says what is wrong first */
uint64_t judge_digest(void);       /* of all topics */

#endif
