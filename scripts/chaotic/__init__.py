"""What scripts/chaos.py is made of: jobs, kills, disks, comparison and the page."""
