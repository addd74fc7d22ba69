EXTRA_DIST += %D%/README.md %D%/producer.py
