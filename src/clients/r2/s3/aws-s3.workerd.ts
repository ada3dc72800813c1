// The same as aws-s3.ts, module by module: esbuild keeps all of a barrel that is imported lazily, which costs a Worker 9 kB
// (gzip) of commands that nobody calls. The SDK is pinned to one version, so these paths stand still. See
// docs/decisions/0005-aws-sdk-in-workers.md.
export { AbortMultipartUploadCommand } from '@aws-sdk/client-s3/dist-es/commands/AbortMultipartUploadCommand.js';
export { CompleteMultipartUploadCommand } from '@aws-sdk/client-s3/dist-es/commands/CompleteMultipartUploadCommand.js';
export { CopyObjectCommand } from '@aws-sdk/client-s3/dist-es/commands/CopyObjectCommand.js';
export { CreateMultipartUploadCommand } from '@aws-sdk/client-s3/dist-es/commands/CreateMultipartUploadCommand.js';
export { DeleteBucketCorsCommand } from '@aws-sdk/client-s3/dist-es/commands/DeleteBucketCorsCommand.js';
export { DeleteBucketLifecycleCommand } from '@aws-sdk/client-s3/dist-es/commands/DeleteBucketLifecycleCommand.js';
export { DeleteObjectCommand } from '@aws-sdk/client-s3/dist-es/commands/DeleteObjectCommand.js';
export { DeleteObjectsCommand } from '@aws-sdk/client-s3/dist-es/commands/DeleteObjectsCommand.js';
export { GetBucketCorsCommand } from '@aws-sdk/client-s3/dist-es/commands/GetBucketCorsCommand.js';
export { GetBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3/dist-es/commands/GetBucketLifecycleConfigurationCommand.js';
export { GetObjectCommand } from '@aws-sdk/client-s3/dist-es/commands/GetObjectCommand.js';
export { HeadObjectCommand } from '@aws-sdk/client-s3/dist-es/commands/HeadObjectCommand.js';
export { ListMultipartUploadsCommand } from '@aws-sdk/client-s3/dist-es/commands/ListMultipartUploadsCommand.js';
export { ListObjectsV2Command } from '@aws-sdk/client-s3/dist-es/commands/ListObjectsV2Command.js';
export { ListPartsCommand } from '@aws-sdk/client-s3/dist-es/commands/ListPartsCommand.js';
export { PutBucketCorsCommand } from '@aws-sdk/client-s3/dist-es/commands/PutBucketCorsCommand.js';
export { PutBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3/dist-es/commands/PutBucketLifecycleConfigurationCommand.js';
export { PutObjectCommand } from '@aws-sdk/client-s3/dist-es/commands/PutObjectCommand.js';
export { UploadPartCommand } from '@aws-sdk/client-s3/dist-es/commands/UploadPartCommand.js';
export { UploadPartCopyCommand } from '@aws-sdk/client-s3/dist-es/commands/UploadPartCopyCommand.js';
export { S3Client } from '@aws-sdk/client-s3/dist-es/S3Client.js';
