/* punnet-collector: webmaster, advertiser -> HTTP -> [collector] -> leads.raw, leads.outcomes */
#include "shell.h"

int main(int argc, char **argv)
{
	return service_main(&collector_service, argc, argv);
}
