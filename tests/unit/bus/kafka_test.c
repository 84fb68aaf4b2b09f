/* The contract suite against a real broker: PUNNET_TEST_KAFKA=host:port. */
#include <stdio.h>
#include <stdlib.h>

#include "contract.h"

#define SKIPPED 77

int main(void)
{
	const char *broker = getenv("PUNNET_TEST_KAFKA");
	char url[256];

	if (!broker || !*broker) {
		(void)fprintf(stderr, "skipped: PUNNET_TEST_KAFKA=host:port names no broker\n");
		return SKIPPED;
	}
	(void)snprintf(url, sizeof(url), "kafka://%s", broker);
	return contract_run("bus: kafka", url);
}
