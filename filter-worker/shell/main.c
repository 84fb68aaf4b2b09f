/* punnet-filter-worker: see worker.h. */
#include "worker.h"

int main(int argc, char **argv)
{
	return service_main(&filter_worker_service, argc, argv);
}
