//! One method for each thing that a person can do, beyond those in `client`. Every one of them may be repeated by the SDK: the server answers a repeat
//! as it answered the first.
//!
//! All of them fail as [`Client::call`] does, with the codes that the schema names for the operation.

use skein_proto::v1;

use crate::{Client, ClientError, Update, client::new_client_id};

type Answer<T> = Result<T, ClientError>;

/// A part that the schema says is always there.
fn there<T>(part: Option<T>) -> Answer<T> {
    part.ok_or_else(|| ClientError::Protocol("an answer without its main part".to_owned()))
}

/// Messages.
impl Client {
    /// Takes an own message back.
    ///
    /// # Errors
    /// `NOT_SENDER`, `WINDOW_PASSED`, `MESSAGE_GONE`.
    pub async fn recall(&self, conversation: &str, message_id: u64) -> Answer<()> {
        let request =
            v1::RecallMessageRequest { conversation_id: conversation.to_owned(), message_id, ..Default::default() };
        let answer: v1::RecallMessageResponse = self.call("MessageService/RecallMessage", &request).await?;
        self.merge_changed(there(answer.message.into_option())?);
        Ok(())
    }

    /// Replaces the content of an own message.
    ///
    /// # Errors
    /// `NOT_SENDER`, `WINDOW_PASSED`, `MESSAGE_GONE`.
    pub async fn edit(&self, conversation: &str, message_id: u64, content: v1::Content) -> Answer<()> {
        let request = v1::EditMessageRequest {
            conversation_id: conversation.to_owned(),
            message_id,
            content: content.into(),
            ..Default::default()
        };
        let answer: v1::EditMessageResponse = self.call("MessageService/EditMessage", &request).await?;
        self.merge_changed(there(answer.message.into_option())?);
        Ok(())
    }

    /// The contents that a message had before.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_A_MEMBER`.
    pub async fn list_edits(&self, conversation: &str, message_id: u64) -> Answer<Vec<v1::Edit>> {
        let request =
            v1::ListEditsRequest { conversation_id: conversation.to_owned(), message_id, ..Default::default() };
        let answer: v1::ListEditsResponse = self.call("MessageService/ListEdits", &request).await?;
        Ok(answer.edits)
    }

    /// Removes messages from the own view, on all own devices; others keep them.
    ///
    /// # Errors
    /// `NOT_A_MEMBER`, `INVALID_ARGUMENT`.
    pub async fn delete(&self, conversation: &str, message_ids: &[u64]) -> Answer<u32> {
        let request = v1::DeleteMessagesRequest {
            conversation_id: conversation.to_owned(),
            message_ids: message_ids.to_vec(),
            ..Default::default()
        };
        let answer: v1::DeleteMessagesResponse = self.call("MessageService/DeleteMessages", &request).await?;
        self.pull().await?;
        Ok(answer.deleted)
    }

    /// Sends copies of messages to other conversations: one by one, or merged into one under a title.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_A_MEMBER`, `MESSAGE_GONE`.
    pub async fn forward(
        &self,
        from: &str,
        message_ids: &[u64],
        to: &[&str],
        merged_title: Option<&str>,
    ) -> Answer<Vec<v1::SendMessageResponse>> {
        let request = v1::ForwardMessagesRequest {
            from_conversation_id: from.to_owned(),
            message_ids: message_ids.to_vec(),
            to_conversation_ids: to.iter().map(|&id| id.to_owned()).collect(),
            merged: merged_title.is_some(),
            title: merged_title.unwrap_or_default().to_owned(),
            client_message_id: new_client_id(),
            ..Default::default()
        };
        let answer: v1::ForwardMessagesResponse = self.call("MessageService/ForwardMessages", &request).await?;
        self.pull().await?;
        Ok(answer.sent)
    }

    /// Who has read a message, and who has not.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_A_MEMBER`.
    pub async fn list_readers(&self, conversation: &str, seq: u64) -> Answer<v1::ListReadersResponse> {
        let request = v1::ListReadersRequest { conversation_id: conversation.to_owned(), seq, ..Default::default() };
        self.call("ReceiptService/ListReaders", &request).await
    }

    fn merge_changed(&self, message: v1::Message) {
        let event = v1::MessageEvent { message: message.into(), ..Default::default() };
        let event = v1::Event { body: Some(event.into()), ..Default::default() };
        if self.shared.timeline.lock().push(&event) {
            self.shared.tell(Update::Event(Box::new(event)));
        }
        self.shared.tell(Update::Needs);
    }
}

/// The conversation list.
impl Client {
    /// Changes pin, mute, draft, remark, hidden or archived; absent fields stay.
    ///
    /// # Errors
    /// `NOT_FOUND`, `TOO_LARGE`.
    pub async fn update_conversation(&self, request: v1::UpdateConversationRequest) -> Answer<v1::ConversationEntry> {
        let answer: v1::UpdateConversationResponse =
            self.call("ConversationService/UpdateConversation", &request).await?;
        self.merge_own_entry(answer.entry.into_option())
    }

    /// Forgets the history up to now, for oneself only.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn clear_conversation(&self, conversation: &str) -> Answer<v1::ConversationEntry> {
        let request = v1::ClearConversationRequest { conversation_id: conversation.to_owned(), ..Default::default() };
        let answer: v1::ClearConversationResponse =
            self.call("ConversationService/ClearConversation", &request).await?;
        self.merge_own_entry(answer.entry.into_option())
    }

    /// Clears and hides; the conversation comes back with its next message.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn delete_conversation(&self, conversation: &str) -> Answer<v1::ConversationEntry> {
        let request = v1::DeleteConversationRequest { conversation_id: conversation.to_owned(), ..Default::default() };
        let answer: v1::DeleteConversationResponse =
            self.call("ConversationService/DeleteConversation", &request).await?;
        self.merge_own_entry(answer.entry.into_option())
    }

    fn merge_own_entry(&self, entry: Option<v1::ConversationEntry>) -> Answer<v1::ConversationEntry> {
        let entry = there(entry)?;
        self.shared.timeline.lock().merge_entry(&entry);
        Ok(entry)
    }
}

/// Groups.
impl Client {
    /// Makes a group with these people.
    ///
    /// # Errors
    /// `NOT_FOUND`, `BLOCKED`, `LIMIT_REACHED`.
    pub async fn create_group(&self, name: &str, user_ids: &[u64]) -> Answer<v1::Group> {
        let request = v1::CreateGroupRequest {
            name: name.to_owned(),
            user_ids: user_ids.to_vec(),
            client_group_id: new_client_id(),
            ..Default::default()
        };
        let answer: v1::CreateGroupResponse = self.call("GroupService/CreateGroup", &request).await?;
        self.pull().await?;
        there(answer.group.into_option())
    }

    /// What a group is.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_A_MEMBER`.
    pub async fn group(&self, conversation: &str) -> Answer<v1::Group> {
        let request = v1::GetGroupRequest { conversation_id: conversation.to_owned(), ..Default::default() };
        let answer: v1::GetGroupResponse = self.call("GroupService/GetGroup", &request).await?;
        there(answer.group.into_option())
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// `FORBIDDEN`, `NOT_A_MEMBER`.
    pub async fn rename_group(&self, conversation: &str, name: &str) -> Answer<v1::Group> {
        let request = v1::RenameGroupRequest {
            conversation_id: conversation.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        let answer: v1::RenameGroupResponse = self.call("GroupService/RenameGroup", &request).await?;
        there(answer.group.into_option())
    }

    /// Adds people to a group; those who are in it already stay. Says who was added.
    ///
    /// # Errors
    /// `FORBIDDEN`, `NOT_A_MEMBER`, `NOT_FOUND`, `LIMIT_REACHED`.
    pub async fn add_members(&self, conversation: &str, user_ids: &[u64]) -> Answer<Vec<u64>> {
        let request = v1::AddMembersRequest {
            conversation_id: conversation.to_owned(),
            user_ids: user_ids.to_vec(),
            ..Default::default()
        };
        let answer: v1::AddMembersResponse = self.call("GroupService/AddMembers", &request).await?;
        Ok(answer.added_ids)
    }

    /// Removes people from a group. Says who was removed.
    ///
    /// # Errors
    /// `FORBIDDEN`, `NOT_A_MEMBER`.
    pub async fn remove_members(&self, conversation: &str, user_ids: &[u64]) -> Answer<Vec<u64>> {
        let request = v1::RemoveMembersRequest {
            conversation_id: conversation.to_owned(),
            user_ids: user_ids.to_vec(),
            ..Default::default()
        };
        let answer: v1::RemoveMembersResponse = self.call("GroupService/RemoveMembers", &request).await?;
        Ok(answer.removed_ids)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// `NOT_A_MEMBER`, `FORBIDDEN`.
    pub async fn leave_group(&self, conversation: &str) -> Answer<()> {
        let request = v1::LeaveGroupRequest { conversation_id: conversation.to_owned(), ..Default::default() };
        let _: v1::LeaveGroupResponse = self.call("GroupService/LeaveGroup", &request).await?;
        self.pull().await
    }

    /// Makes a member owner, admin or plain member.
    ///
    /// # Errors
    /// `FORBIDDEN`, `NOT_A_MEMBER`.
    pub async fn set_role(&self, conversation: &str, user_id: u64, role: v1::Role) -> Answer<v1::Group> {
        let request = v1::SetRoleRequest {
            conversation_id: conversation.to_owned(),
            user_id,
            role: role.into(),
            ..Default::default()
        };
        let answer: v1::SetRoleResponse = self.call("GroupService/SetRole", &request).await?;
        there(answer.group.into_option())
    }

    /// One page of the changes of a roster since a version; 0 for everybody. Go on from its `version` while it `has_more`.
    ///
    /// # Errors
    /// `NOT_A_MEMBER`.
    pub async fn sync_members(&self, conversation: &str, since_version: u64) -> Answer<v1::SyncMembersResponse> {
        let request =
            v1::SyncMembersRequest { conversation_id: conversation.to_owned(), since_version, ..Default::default() };
        self.call("GroupService/SyncMembers", &request).await
    }
}

/// The account.
impl Client {
    /// Blocks a person, or no longer: their one-to-one messages are refused.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn set_blocked(&self, user_id: u64, blocked: bool) -> Answer<()> {
        let request = v1::SetBlockedRequest { user_id, blocked, ..Default::default() };
        let _: v1::SetBlockedResponse = self.call("AccountService/SetBlocked", &request).await?;
        self.pull().await
    }

    /// Changes the own profile; absent fields stay.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, `TOO_LARGE`.
    pub async fn update_profile(&self, request: v1::UpdateProfileRequest) -> Answer<v1::User> {
        let answer: v1::UpdateProfileResponse = self.call("AccountService/UpdateProfile", &request).await?;
        there(answer.user.into_option())
    }

    /// Sets one key of the settings that all own devices share; an empty value removes it.
    ///
    /// # Errors
    /// `TOO_LARGE`.
    pub async fn put_setting(&self, key: &str, value: &str) -> Answer<()> {
        let request = v1::PutSettingRequest { key: key.to_owned(), value: value.to_owned(), ..Default::default() };
        let _: v1::PutSettingResponse = self.call("AccountService/PutSetting", &request).await?;
        self.pull().await
    }

    /// The devices that are logged in.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn list_devices(&self) -> Answer<Vec<v1::Device>> {
        let request = v1::ListDevicesRequest::default();
        let answer: v1::ListDevicesResponse = self.call("AccountService/ListDevices", &request).await?;
        Ok(answer.devices)
    }

    /// How long one was here, per day; days without are left out. Days count from 1970-01-01 in the deployment's own time; both 0: today. At most 366.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub async fn online_time(&self, from_day: i64, to_day: i64) -> Answer<Vec<v1::OnlineDay>> {
        let request = v1::GetMyOnlineTimeRequest { from_day, to_day, ..Default::default() };
        let answer: v1::GetMyOnlineTimeResponse = self.call("PresenceService/GetMyOnlineTime", &request).await?;
        Ok(answer.days)
    }

    /// Logs another device out.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn revoke_device(&self, device_id: &str) -> Answer<()> {
        let request = v1::RevokeDeviceRequest { device_id: device_id.to_owned(), ..Default::default() };
        let _: v1::RevokeDeviceResponse = self.call("AccountService/RevokeDevice", &request).await?;
        Ok(())
    }

    /// Logs this device out. The client is closed then: what is asked of it later is refused.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn log_out(&self) -> Answer<()> {
        let answer: Answer<v1::LogOutResponse> =
            self.call("AccountService/LogOut", &v1::LogOutRequest::default()).await;
        match answer {
            // The close may overtake the answer.
            Ok(_) | Err(ClientError::Closed(v1::CloseCode::TokenRevoked, _)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Changes the password.
    ///
    /// # Errors
    /// `WRONG_CREDENTIALS`, `INVALID_ARGUMENT`.
    pub async fn change_password(&self, old: &str, new: &str) -> Answer<()> {
        let request = v1::ChangePasswordRequest {
            old_password: old.to_owned(),
            new_password: new.to_owned(),
            ..Default::default()
        };
        let _: v1::ChangePasswordResponse = self.call("AccountService/ChangePassword", &request).await?;
        Ok(())
    }
}
