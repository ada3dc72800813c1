// The SDK declares its types in dist-types, which TypeScript does not look for beside dist-es.
declare module '@aws-sdk/client-s3/dist-es/commands/AbortMultipartUploadCommand.js' {
  export { AbortMultipartUploadCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/CompleteMultipartUploadCommand.js' {
  export { CompleteMultipartUploadCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/CopyObjectCommand.js' {
  export { CopyObjectCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/CreateMultipartUploadCommand.js' {
  export { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/DeleteBucketCorsCommand.js' {
  export { DeleteBucketCorsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/DeleteBucketLifecycleCommand.js' {
  export { DeleteBucketLifecycleCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/DeleteObjectCommand.js' {
  export { DeleteObjectCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/DeleteObjectsCommand.js' {
  export { DeleteObjectsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/GetBucketCorsCommand.js' {
  export { GetBucketCorsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/GetBucketLifecycleConfigurationCommand.js' {
  export { GetBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/GetObjectCommand.js' {
  export { GetObjectCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/HeadObjectCommand.js' {
  export { HeadObjectCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/ListMultipartUploadsCommand.js' {
  export { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/ListObjectsV2Command.js' {
  export { ListObjectsV2Command } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/ListPartsCommand.js' {
  export { ListPartsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/PutBucketCorsCommand.js' {
  export { PutBucketCorsCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/PutBucketLifecycleConfigurationCommand.js' {
  export { PutBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/PutObjectCommand.js' {
  export { PutObjectCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/UploadPartCommand.js' {
  export { UploadPartCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/commands/UploadPartCopyCommand.js' {
  export { UploadPartCopyCommand } from '@aws-sdk/client-s3';
}
declare module '@aws-sdk/client-s3/dist-es/S3Client.js' {
  export { S3Client } from '@aws-sdk/client-s3';
}
