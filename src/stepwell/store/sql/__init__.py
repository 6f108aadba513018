"""What both databases are asked and told, in the same SQL wherever that is possible."""
