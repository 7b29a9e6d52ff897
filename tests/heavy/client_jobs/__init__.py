"""The clients that `clients` puts to work."""

from client_jobs.aws import Aws
from client_jobs.boto3 import Boto3
from client_jobs.rclone import Rclone
from client_jobs.s3cmd import S3cmd
from client_jobs.s5cmd import S5cmd
from client_jobs.job import JOBS

CLIENTS = {"s3cmd": S3cmd, "rclone": Rclone, "aws": Aws, "s5cmd": S5cmd, "boto3": Boto3}

__all__ = ["CLIENTS", "JOBS"]
