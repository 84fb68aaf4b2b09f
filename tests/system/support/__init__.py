"""What the system tests stand on. Nothing here shares code with the product: its own Kafka client, its own protobuf."""
