/* seams: see seams.c. */
#ifndef PUNNET_SIM_SEAMS_H
#define PUNNET_SIM_SEAMS_H

#include "runtime/service.h"

/* What a service's main() hands to service_main(). */
const struct service_def *service_catch(int (*program)(int argc, char **argv));

/* The services' own main(), renamed by the build. */
int collector_main(int argc, char **argv);
int filter_worker_main(int argc, char **argv);
int router_main(int argc, char **argv);
int delivery_main(int argc, char **argv);
int payout_main(int argc, char **argv);

#endif
