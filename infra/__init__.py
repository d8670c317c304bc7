"""The ephemeral stack: a VPC, an EKS cluster, its nodes, add-ons and identities. AWS only."""
