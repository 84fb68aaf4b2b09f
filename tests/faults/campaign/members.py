"""Prints who is in a consumer group: python -m campaign.members SERVERS GROUP. A process of its own, because this request ends
the whole process in librdkafka 2.3.0 when the coordinator goes away in the middle of it."""
import sys

from confluent_kafka.admin import AdminClient


def main(servers, group):
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    found = admin.describe_consumer_groups([group], request_timeout=5)[group].result()
    print("\n".join(member.group_instance_id or member.client_id for member in found.members))


if __name__ == "__main__":
    main(*sys.argv[1:])
